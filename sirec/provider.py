"""Who provides a component of a registry: `sirec`, an installed package, or a plugin file."""

from __future__ import annotations

from dataclasses import dataclass

from sirec.shell import arguments

FILE_ENDING = ".py"  # of plugin files; the name of a package never ends so


@dataclass(frozen=True)
class Provider:
    """Who provides a component: `sirec`, another package with its version, or a file with a digest
    of its content.
    """

    package: str
    version: str

    @property
    def is_sirec(self) -> bool:
        """Whether the component is one of `sirec`'s own."""
        return self.package == "sirec"

    @property
    def remedy(self) -> str:
        """What a person does who lacks it."""
        if self.package.endswith(FILE_ENDING):
            return f"add the file it came from: {arguments('--plugin', self.package)}"
        return arguments("pip", "install", f"{self.package}=={self.version}")

    def __str__(self) -> str:
        """As messages and listings name it: `own-model 0.1`."""
        return f"{self.package} {self.version}"
