"""Draw a `ResultTable`: in a terminal, in Markdown, LaTeX, CSV, HTML, or as plain values for JSON.

Best is bold. Second best is underlined where there is an underline, and in italics in Markdown.
"""

from sirec.report.render.csv_lines import to_csv
from sirec.report.render.html_table import to_html
from sirec.report.render.latex import latex_files, to_latex
from sirec.report.render.markdown import links_to_runs, to_markdown
from sirec.report.render.plain_values import to_dict
from sirec.report.render.rich_table import to_rich

__all__ = [
    "latex_files",
    "links_to_runs",
    "to_csv",
    "to_dict",
    "to_html",
    "to_latex",
    "to_markdown",
    "to_rich",
]
