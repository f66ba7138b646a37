"""Wordings that read as translated, which docs/development.md rules out."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXTS = [
    path
    for place in ("nnunet_cipa", "dataset_conversion", "docs", "README.md", "CHANGELOG.md", "CONTRIBUTING.md")
    for path in ((ROOT / place).rglob("*") if (ROOT / place).is_dir() else [ROOT / place])
    if path.suffix in {".py", ".md", ".html"}
]
WORDINGS = {
    "is not a, never is no": r"(?<!there )(?<!There )(?<!what )\b(?:is|are) no (?!longer\b)\w+",
    "Return whether, never Say whether": r'"""Say (?:whether|why|which|how|that|of)\b',
    "again or from the start, never anew": r"\banew\b",
    "per case, never a case": (
        r"\b(?i:states|blocks|slices|bytes|[MG]iB|ml|tensors|values|one) a "
        r"(?:channel|stage|case|slice|patient|voxel|pixel|element|process|batch|modality|line)\b"
    ),
    "what a module holds, never a riddle": r'\A"""(?:Which|Whether|What|How) [^"]*\."""\n\n',
}


@pytest.mark.parametrize("rule", WORDINGS)
def test_wordings(rule):
    found = [
        f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]!r}"
        for path in TEXTS
        for text in (path.read_text(encoding="utf-8"),)
        for match in re.finditer(WORDINGS[rule], text)
    ]
    assert not found, f"{rule}:\n" + "\n".join(found)
