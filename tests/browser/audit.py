"""What an auditor looks for on a page: axe-core's rules, what does not fit its width, and focus that cannot be seen."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page

GRAVE = ("serious", "critical")
WIDTHS = (360, 480, 760, 1280, 1600)

# What reaches over the side of the root, or is cut off inside it, where nothing says that it scrolls or ends in an
# ellipsis. What lies above the page, as a menu does, is not bound to the root.
_CRAMPED = """async (root, width) => {
    root.style.width = `${width}px`;
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    const bounds = root.getBoundingClientRect();
    const style = (element) => getComputedStyle(element);
    const scrolls = (element) => ["auto", "scroll"].includes(style(element).overflowX);
    const inScroller = (element) => {
        for (let each = element.parentElement; each && each !== root; each = each.parentElement)
            if (scrolls(each) || ["hidden", "clip"].includes(style(each).overflowX)) return true;
        return false;
    };
    const called = (element) => `${element.localName}.${[...element.classList].join(".")}`;
    const found = new Set();
    if (root.scrollWidth > root.clientWidth) found.add(`the whole scrolls: ${root.scrollWidth} in ${root.clientWidth}`);
    for (const element of root.querySelectorAll("*")) {
        const box = element.getBoundingClientRect();
        const beside = element.closest(".hh-unseen, svg, :popover-open") || !element.checkVisibility();
        if (beside || !box.width || !box.height) continue;
        const over = Math.round(Math.max(box.right - bounds.right, bounds.left - box.left));
        if (over > 1 && !inScroller(element)) found.add(`${called(element)} reaches ${over} px over the side`);
        const cut = ["hidden", "clip"].includes(style(element).overflowX) && style(element).textOverflow !== "ellipsis";
        if (cut && element.clientWidth && element.scrollWidth > element.clientWidth + 1)
            found.add(`${called(element)} is cut off: ${element.scrollWidth} in ${element.clientWidth}`);
    }
    root.style.width = "";
    return [...found];
}"""

# Where the focus is, and whether a person sees that: on the element itself, on what it labels, or around it.
_FOCUS = """() => {
    const element = document.activeElement;
    const root = element?.closest(".hh-root");
    if (!root) return { name: element?.localName ?? "nothing", inside: false, seen: false };
    const near = [element, ...(element.labels ?? []), element.parentElement, element.nextElementSibling];
    const outlined = (each) => {
        const { outlineStyle, outlineWidth } = getComputedStyle(each);
        return outlineStyle !== "none" && parseFloat(outlineWidth) >= 1;
    };
    const box = element.getBoundingClientRect();
    const name = element.getAttribute("aria-label") || element.labels?.[0]?.innerText || element.innerText || element.className;
    const view = box.bottom > 0 && box.top < innerHeight;
    return { name: `${element.localName} ${name}`, inside: true, seen: view && near.some((each) => each && outlined(each)) };
}"""


def grave(page: Page, root: str) -> list[str]:
    """Serious and critical violations in what `root` selects: the rule and the element."""
    response: dict[str, Any] = Axe().run(page, context=root).response
    return [
        f"{violation['id']}: {node['html'][:160]} {node['failureSummary'].splitlines()[-1].strip()}"
        for violation in response["violations"]
        if violation["impact"] in GRAVE
        for node in violation["nodes"]
    ]


def cramped(root: Locator, widths: tuple[int, ...] = WIDTHS) -> list[str]:
    """What does not fit, at each of the widths in CSS pixels."""
    return [f"{width} px: {found}" for width in widths for found in root.evaluate(_CRAMPED, width)]


def focus(page: Page) -> dict[str, Any]:
    """`name`, whether it is `inside` a widget of ours, and whether it can be `seen`."""
    state: dict[str, Any] = page.evaluate(_FOCUS)
    return state


class Keyboard:
    """Presses keys as a person without a mouse does, and notes in `lost` after which the focus could not be seen."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.lost: list[str] = []

    def press(self, *keys: str) -> None:
        for key in keys:
            before = focus(self.page)["name"]
            self.page.keyboard.press(key)
            # What an action takes away is gone by the next frame but one.
            self.page.evaluate(
                "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
            )
            now = focus(self.page)
            if not now["inside"] or not now["seen"]:
                self.lost.append(f"{key} on {before}: {now}")

    def to(self, target: Locator, key: str = "Tab") -> None:
        """Go on until `target` has the focus."""
        for _ in range(80):
            if target.evaluate("(element) => element === document.activeElement"):
                return
            self.press(key)
        pytest.fail(f"{key} does not reach {target}")
