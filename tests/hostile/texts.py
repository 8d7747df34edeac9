"""Texts that have done harm elsewhere."""

HOSTILE = (
    "'; drop table report_oibl.tripica_results; --",
    "\"; select pg_terminate_backend(pg_backend_pid()); --",
    "$$; drop schema report_oibl cascade; $$",
    "%s %(name)s %% {0} {{ 7 * 7 }} {% raw %} ${HOME} `id` $(id)",
    "=cmd|' /C calc'!A0",
    "\u202egnp.exe\u202c \u2066\u200b\ufeff",
    "a\nb\r\nc\td\x0b\x1b[31m",
    "\\.",
    "\\N",
    '"quoted", ""twice""',
    "<script>alert(1)</script> & <!channel> <http://x.example|y>",
    "../../../etc/passwd",
    "..\\..\\windows",
    "😀 e\u0301 \u0000".replace("\u0000", "NUL"),
    "Robert'); -- " + "x" * 5_000,
)  # fmt: skip
#: Names that must not become a part of a key, a folder, a file or an identifier.
PATHS = (
    "../x",
    "..",
    ".",
    "a/b",
    "/etc",
    "a\\b",
    "a\nb",
    "a b",
    "%2e%2e",
    "\u202ea",
    "x'; --",
    "",
    "a" * 300,
    "ä",
    "-a",
)
