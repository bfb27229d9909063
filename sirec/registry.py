"""Registries: what `sirec` has of a kind (models, objectives, sources, …), and how other packages
add to it.

A registry is a mapping from a name to a component. Its components come from three places, in this
order:

1. `sirec` itself: every component defined in one of the registry's own packages;
2. installed packages that declare an entry point in the registry's group:

       [project.entry-points."sirec.models"]
       my-model = "my_package.my_module:MyModel"

   (the object may also be a module, whose components are then all added);
3. files that a person names with `--plugin FILE.py`, or in the environment variable
`SIREC_PLUGINS`.

A component is a class with a `name` (models, objectives, tasks, sources) or an instance with one
(metrics, protocols, papers). Two components of a kind cannot share a name. A registry is filled
when it is first looked into, so that importing `sirec` imports neither every model nor every
plugin.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import os
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points, version
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

from sirec.errors import SirecError, unknown
from sirec.provider import Provider

Component = TypeVar("Component")
PLUGINS_VARIABLE = "SIREC_PLUGINS"
DIGEST_DIGITS = 12


@dataclass(frozen=True)
class PluginFile:
    """A file whose components were added with `--plugin`."""

    path: Path
    module: ModuleType
    provider: Provider


_plugin_files: dict[Path, PluginFile] = {}
_registries: list[Registry[Any]] = []


class Registry(Mapping[str, Component], Generic[Component]):
    """The components of one kind, by name.

    Args:
        kind: what one component is called in messages, for example `model`.
        base: the class that components are subclasses of, or instances of.
        packages: packages (or modules) of `sirec` whose modules define its own components.
        instances: whether components are instances of `base` rather than subclasses.
        group: name of the entry-point group; usually `sirec.` and the plural of the kind.

    """

    def __init__(
        self,
        kind: str,
        base: type[Any],
        *packages: str,
        instances: bool = False,
        group: str | None = None,
    ) -> None:
        self.kind = kind
        self.group = group or f"sirec.{kind}s"
        self.failures: dict[str, str] = {}  # entry points that could not be loaded, and why
        self._base = base
        self._packages = packages
        self._instances = instances
        self._components: dict[str, Component] = {}
        self._providers: dict[str, Provider] = {}
        self._is_filled = False
        _registries.append(self)

    def __getitem__(self, name: str) -> Component:
        """The component of that name. Raises `SirecError` with the nearest name if there is
        none.
        """
        self._fill()
        if name not in self._components:
            raise self.unknown(name)
        return self._components[name]

    def get(self, name: str, default: Any = None) -> Any:
        """The component of that name, or `default` if there is none."""
        self._fill()
        return self._components.get(name, default)

    def __contains__(self, name: object) -> bool:
        """Whether there is a component of that name."""
        self._fill()
        return name in self._components

    def __iter__(self) -> Iterator[str]:
        """Names: those of `sirec` first, then those of plugins."""
        self._fill()
        return iter(self._components)

    def __len__(self) -> int:
        """How many components there are."""
        self._fill()
        return len(self._components)

    def provider(self, name: str) -> Provider:
        """Who provides the component of that name."""
        self._fill()
        return self._providers[name]

    def unknown(self, name: str, where: str | None = None) -> SirecError:
        """The error for a name that no component has.

        Args:
            name: the name that was asked for.
            where: the file and key in which it stands, if any.

        """
        error = unknown(self.kind, name, self, where)
        for entry_point, reason in self.failures.items():
            error.hint = f"{error.hint}; the plugin {entry_point} could not be loaded: {reason}"
        return error

    def add(self, component: Component, provider: Provider) -> None:
        """Add one component. One that is there already keeps its provider: a plugin that imports
        `RECALL` does not become the provider of Recall.

        Args:
            component: a subclass or an instance of the registry's base class.
            provider: the package or file that it comes from.

        Raises:
            SirecError: if another component has its name.
        """
        self.check(component, provider)
        name = _name_of(component)
        if name in self._components:
            return
        self._components[name] = component
        self._providers[name] = provider

    def check(self, component: Component, provider: Provider) -> None:
        """Check that a component could be added.

        Args:
            component: a subclass or an instance of the registry's base class.
            provider: the package or file that it comes from.

        Raises:
            SirecError: if another component has its name.
        """
        name = _name_of(component)
        if name in self._components and self._components[name] is not component:
            raise SirecError(
                f"two {self.kind}s are called '{name}': one of {self._providers[name]}, "
                f"one of {provider}",
                "rename one of them, or uninstall one of the two",
            )

    def components_of(self, offered: object) -> list[Component]:
        """The components in a module, or in the object of an entry point.

        A module offers what it defines; imported classes belong to their own module. A registry
        whose components lie in files overrides this method.
        """
        if not isinstance(offered, ModuleType):
            return [offered] if self._is_component(offered) else []  # type: ignore[list-item]
        found: list[Component] = []
        for value in vars(offered).values():
            if self._is_component(value) and self._is_defined_in(value, offered):
                found.append(value)
        return found

    def own_components(self) -> list[tuple[Component, Provider]]:
        """The components of `sirec` itself, in the order of listings, each with its provider."""
        found: list[Component] = []
        for package in self._packages:
            for module in _modules_of(package):
                found += self.components_of(module)
        provider = own_provider()
        if not self._instances:  # instances keep the order in which they are defined
            found.sort(key=_listing_order)
        return [(component, provider) for component in found]

    def _fill(self) -> None:
        if self._is_filled:
            return
        self._is_filled = True  # before anything is imported: plugins may look into registries
        try:
            for component, provider in self.own_components():
                self.add(component, provider)
            for entry_point in sorted(entry_points(group=self.group), key=lambda each: each.name):
                self._add_entry_point(entry_point)
            for plugin in _plugin_files.values():
                self._add_all(self.components_of(plugin.module), plugin.provider)
        except BaseException:
            self._components.clear()
            self._providers.clear()
            self._is_filled = False
            raise

    def _add_all(self, components: list[Component], provider: Provider) -> None:
        for component in components:
            self.add(component, provider)

    def _add_entry_point(self, entry_point: EntryPoint) -> None:
        distribution = entry_point.dist
        assert distribution is not None, "entry points of installed packages have a distribution"
        provider = Provider(distribution.name, distribution.version)
        try:
            value = entry_point.load()
            components = self.components_of(value)
        except Exception as error:  # a broken plugin must not stop a listing of the others
            self.failures[f"{entry_point.name} of {provider}"] = f"{type(error).__name__}: {error}"
            return
        self._add_all(components, provider)
        if not components and not isinstance(value, ModuleType):
            expected = (
                f"{'an instance' if self._instances else 'a subclass'} of {self._base.__name__}"
            )
            reason = f"{entry_point.value} is not {expected} with a name"
            self.failures[f"{entry_point.name} of {provider}"] = reason

    def _is_component(self, value: object) -> bool:
        if self._instances:
            return isinstance(value, self._base)
        if not inspect.isclass(value) or inspect.isabstract(value):
            return False
        return issubclass(value, self._base) and _has_name(value)

    def _is_defined_in(self, value: object, module: ModuleType) -> bool:
        return self._instances or getattr(value, "__module__", None) == module.__name__


def own_provider() -> Provider:
    """`sirec` itself, as the provider of its own components."""
    return Provider("sirec", version("sirec"))


def load_plugin_file(path: Path) -> PluginFile:
    """Run a file of Python and add the components that it defines to all registries.

    A person names such a file on the command line; `sirec` never runs a file because a
    configuration mentions it.

    Args:
        path: the file; a file that has been loaded before is not loaded again.

    Raises:
        SirecError: if the file cannot be read or imported, or defines a component whose name is
        taken.

    """
    path = path.resolve()
    if path in _plugin_files:
        return _plugin_files[path]
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SirecError(f"--plugin {path}: cannot be read: {error.strerror}") from None
    digest = hashlib.sha256(content).hexdigest()[:DIGEST_DIGITS]
    name = f"sirec_plugin_{path.stem}_{digest}"
    specification = importlib.util.spec_from_file_location(name, path)
    if specification is None or specification.loader is None:
        raise SirecError(f"--plugin {path}: not a file of Python", "its name has to end in .py")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    try:
        specification.loader.exec_module(module)
    except SirecError:
        del sys.modules[name]
        raise
    except Exception as error:
        del sys.modules[name]
        raise SirecError(
            f"--plugin {path}: {type(error).__name__}: {error}", "run the file by itself"
        ) from error
    plugin = PluginFile(path, module, Provider(path.name, f"sha256 {digest}"))
    filled = [registry for registry in _registries if registry._is_filled]
    for registry in filled:  # all are checked before any is changed
        for component in registry.components_of(module):
            registry.check(component, plugin.provider)
    for registry in filled:
        registry._add_all(registry.components_of(module), plugin.provider)
    _plugin_files[path] = plugin
    return plugin


def load_plugins_of_environment() -> None:
    """Load the files that the environment variable `SIREC_PLUGINS` lists, separated as in
    `PATH`.
    """
    for name in os.environ.get(PLUGINS_VARIABLE, "").split(os.pathsep):
        if name:
            load_plugin_file(Path(name))


def loaded_plugin_files() -> tuple[Path, ...]:
    """The plugin files loaded so far, in order: what a worker process has to load as well."""
    return tuple(_plugin_files)


def has_plugins() -> bool:
    """Whether a package or a file other than `sirec` itself offers components."""
    if _plugin_files:
        return True
    return any(group.startswith("sirec.") for group in entry_points().groups)


def available_packages() -> set[str]:
    """The names of all packages and files that provide a component of any kind."""
    found: set[str] = set()
    for registry in _registries:
        registry._fill()
        for provider in registry._providers.values():
            found.add(provider.package)
    return found


def providers_of(configuration: object) -> set[Provider]:
    """Who provides the components of a configuration: models, objectives, tasks, sources.

    Args:
        configuration: a dataclass whose fields, at any depth, hold components.

    """
    owners: dict[object, Provider] = {}
    for registry in _registries:
        for name, component in registry._components.items():
            if inspect.isclass(component):
                owners[component] = registry._providers[name]
    found: set[Provider] = set()
    for part in _parts(configuration):
        if type(part) in owners:
            found.add(owners[type(part)])
    return found


def _parts(value: object) -> Iterator[object]:
    """A dataclass and every dataclass below it, in tuples and mappings too."""
    if hasattr(type(value), "__dataclass_fields__"):
        yield value
        for name in type(value).__dataclass_fields__:  # type: ignore[attr-defined]
            yield from _parts(getattr(value, name))
    elif isinstance(value, tuple):
        for element in value:
            yield from _parts(element)
    elif isinstance(value, Mapping):
        for element in value.values():
            yield from _parts(element)


def _modules_of(name: str) -> Iterator[ModuleType]:
    """A module, and the modules below it if it is a package."""
    module = importlib.import_module(name)
    yield module
    for found in pkgutil.iter_modules(getattr(module, "__path__", ())):
        yield importlib.import_module(f"{name}.{found.name}")


def _has_name(value: type) -> bool:
    return isinstance(getattr(value, "name", None), str)


def _name_of(component: Any) -> str:
    return str(component.name)


def _listing_order(component: object) -> tuple[int, str]:
    """Training-free models first; otherwise by name."""
    is_training_free = getattr(component, "is_training_free", False)
    return (0 if is_training_free else 1, _name_of(component))
