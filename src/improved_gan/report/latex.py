"""The wide table for a paper: LaTeX with booktabs, every text escaped, the best mean in bold."""

import pandas as pd

CODES = {"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_", "$": r"\$"}
CODES |= {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "✓": r"$\checkmark$", "–": "--"}
TRANSLATION = str.maketrans(CODES)


def latex_table(frame: pd.DataFrame, best: set[tuple[int, str]], caption: str) -> str:
    """`frame` as a table environment; needs `booktabs` (and `amssymb` for the check marks of factors)."""
    titles = {name: latex(name) for name in frame.columns}
    cells = pd.DataFrame(
        {titles[name]: [_cell(word, (k, name) in best) for k, word in enumerate(frame[name])] for name in frame.columns}
    )
    return cells.style.hide(axis="index").to_latex(hrules=True, caption=latex(caption), position_float="centering")


def _cell(word: str, bold: bool) -> str:
    return rf"\textbf{{{latex(word)}}}" if bold else latex(word)


def latex(text: str) -> str:
    """`text` with every sign that LaTeX would take for its own escaped."""
    escaped = str(text).translate(TRANSLATION)
    return "{}" + escaped if escaped.startswith(("-", "[")) else escaped  # after a line break "[" would be an option
