"""Is there HTML in a text, as a browser would read it? Comparisons and generic types are none.

The parser is nh3's (html5ever, the HTML Standard's algorithm). What it calls an element is weighed here: a browser
reads `if x<b and y>z` as bold text, a person as a comparison.
"""

from __future__ import annotations

import re

import nh3


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# They load, run, frame or restyle something; nobody names a variable so. Always markup.
_ACTIVE = _names(
    """
    applet bgsound embed frameset iframe img marquee math noembed noframes noscript plaintext script style svg
    """
)
_KNOWN = _ACTIVE | _names(
    """
    a abbr acronym address area article aside audio b base basefont bdi bdo big blink blockquote body br button
    canvas caption center cite code col colgroup data datalist dd del details dfn dialog dir div dl dt em
    fieldset figcaption figure font footer form frame h1 h2 h3 h4 h5 h6 head header hgroup hr html i input ins
    isindex kbd label legend li link listing main map mark menu meta meter nav object ol optgroup option output
    p param picture pre progress q rp rt ruby s samp search section select slot small source span strike strong
    sub summary sup table tbody td template textarea tfoot th thead time title tr track tt u ul var video wbr
    xmp
    """
)
# Attributes that mean something without a value.
_SWITCHES = _names(
    """
    allowfullscreen async autofocus autoplay checked controls default defer disabled formnovalidate hidden inert
    ismap itemscope loop multiple muted nomodule novalidate open playsinline readonly required reversed selected
    contenteditable draggable download
    """
)
_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)(?=[\s/>])([^<>]*)>", re.IGNORECASE)
_UNCLOSED = re.compile(r"<(?:" + "|".join(sorted(_ACTIVE)) + r")[\s/][^=]*=", re.IGNORECASE)
_RUNS = re.compile(r"(?:^|[\s/\"'])on\w+\s*=|javascript\s*:|srcdoc\s*=", re.IGNORECASE)
_NAMED = re.compile(r"[\w-]\s*=(?!=)")
# What a browser opens again after every end tag that closed it (active formatting elements, in the HTML Standard). The
# parser does as much: 2,000 of them before 2,000 paragraphs are 4 million elements, so 28 kB of text took five seconds
# and 1.5 GB.
_REOPENED = re.compile(r"<(?:a|b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)[\s/>]", re.IGNORECASE)
_MOST_REOPENED = 32
_DECLARATION = re.compile(r"<!--|<!doctype\b|<!\[cdata\[|<\?(?:xml|php)\b", re.IGNORECASE)


def find_markup(text: str) -> str | None:
    """`script` when there is something that runs, `html` for other markup, None for none.

    >>> find_markup("if x<y and y>z, and List<int>"), find_markup("<b>hi</b>")
    (None, 'html')
    """
    if "<" not in text:
        return None
    kinds = {kind for match in _TAG.finditer(text) if (kind := _judge(text, match))}
    # A browser reads a tag that never ends when something else on the page ends it.
    tail = text[text.rfind("<") :]
    if "script" in kinds or (">" not in tail and _UNCLOSED.match(tail)):
        return "script"
    if len(_REOPENED.findall(text)) > _MOST_REOPENED:  # too many to let the parser look: certainly markup
        return "html"
    if _has_active(text):
        return "script"
    return "html" if kinds or _DECLARATION.search(text) else None


def escaped(text: str) -> str:
    """The text with its markup made visible, so that nothing renders it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _judge(text: str, tag: re.Match[str]) -> str | None:
    """What one tag, as it is written, amounts to."""
    closing, name, attributes = tag[1], tag[2].lower(), tag[3].strip(" \t\r\n\f/")
    if name not in _KNOWN:
        return None
    if name in _ACTIVE or _RUNS.search(attributes):
        return "script"
    if attributes:
        is_plain = _NAMED.search(attributes) or all(word.lower() in _SWITCHES for word in attributes.split())
        return "html" if is_plain else None
    # `vector<a>`, `Vec::<b>`: a type and its parameter
    is_type = not closing and tag.start() > 0 and (text[tag.start() - 1].isalnum() or text[tag.start() - 1] in "_:")
    return None if is_type else "html"


def _has_active(text: str) -> bool:
    """What only the parser sees: entities in an address, quotes that hold a `>`, tags inside tags."""
    runs = False

    def note(_tag: str, attribute: str, value: str) -> str:
        nonlocal runs
        runs |= (attribute.startswith("on") and bool(value)) or "".join(value.split()).lower().startswith("javascript:")
        return value

    clean = nh3.clean(
        text,
        tags=set(_KNOWN),
        clean_content_tags=set(),
        attributes={},
        attribute_filter=note,
        generic_attribute_prefixes={"on", "href", "src", "action", "formaction", "xlink"},
        url_schemes={"javascript", "data", "http", "https"},
        link_rel=None,
    )
    return runs or not _ACTIVE.isdisjoint(re.findall(r"<([a-z0-9]+)", clean))
