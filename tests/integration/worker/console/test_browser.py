"""The console in a real Chromium: drawn, in both themes and widths, by keyboard, without a complaint."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Connection, text

from tests.integration.worker.console.conftest import settle

if TYPE_CHECKING:
    from tests.integration.worker.conftest import Worker

PICTURES = os.environ.get("CONSOLE_PICTURES")
"""Where pictures are kept for somebody who wants to look."""
DRAWN = """() => [...nightporterCharts.drawn.values()].map(({ chart, spec }) => {
  const lines = chart.getOption().series.filter((one) => one.name !== "day");
  const shown = lines.filter((one) => one.data.some((two) => (two?.value ?? two) !== null));
  const canvas = chart.getDom().querySelector("canvas");
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const colours = new Set();
  for (let at = 0; at < pixels.length; at += 4 * 7) colours.add(pixels.slice(at, at + 4).join());
  return { name: spec.name, series: shown.length, colours: colours.size };
})"""
PORTFOLIO = {"bookings", "revenue", "occupancy", "alerts_raised"}


def kept(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def is_drawn(page: Page, wanted: int) -> set[str]:
    """Return the charts once there are so many; each must have series and more than a plain ground."""
    page.wait_for_function("(wanted) => nightporterCharts.drawn.size >= wanted", arg=wanted, timeout=30_000)
    charts = page.evaluate(DRAWN)
    assert all(one["series"] >= 1 and one["colours"] > 8 for one in charts), charts
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page can be pushed sideways"
    return {one["name"] for one in charts}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_portfolio_is_drawn(seeded: Any, look: Any, width: int, theme: str) -> None:
    looked = look("/console/portfolio", width=width, theme=theme)
    kept(looked.page, f"portfolio-{width}-{theme}")
    assert is_drawn(looked.page, len(PORTFOLIO)) == PORTFOLIO
    ground = looked.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(244, 246, 249)", "dark": "rgb(13, 18, 25)"}[theme]
    expect(looked.page.locator("#card-worst tbody tr")).to_have_count(4)
    expect(looked.page.locator("#card-worst svg.spark polyline")).to_have_count(5)
    assert looked.complaints == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_a_listing_is_drawn(seeded: Any, look: Any, width: int, theme: str) -> None:
    looked = look(f"/console/listing/{seeded.ids[0]}", width=width, theme=theme)
    kept(looked.page, f"listing-{width}-{theme}")
    assert len(is_drawn(looked.page, 10)) == 10
    expect(looked.page.locator("td.night")).to_have_count(90)
    expect(looked.page.locator("td.noprice")).to_have_count(1)
    expect(looked.page.locator("#card-changes")).to_contain_text("Min stay nights")
    looked.page.get_by_text("More figures").click()
    expect(looked.page.locator("#card-review_score .chart canvas")).to_be_visible()
    assert looked.complaints == []


def test_picking_changes_what_is_shown_without_a_reload(seeded: Any, look: Any) -> None:
    looked = look("/console/portfolio")
    page = looked.page
    page.evaluate("window.still = true")
    page.select_option("#market", "porto")
    expect(page.locator("#card-markets tbody tr")).to_have_count(1)
    page.get_by_label("30 days").check()
    expect(page.locator("#card-now")).to_contain_text("Bookings, 30 days")
    settle(page)
    assert page.evaluate("window.still")
    assert "market=porto" in page.url
    assert "days=30" in page.url
    assert is_drawn(page, len(PORTFOLIO)) == PORTFOLIO
    page.go_back()
    expect(page.locator("#card-now")).to_contain_text("Bookings, 90 days")
    assert looked.complaints == []


def test_a_listing_is_found_and_opened_by_keyboard(seeded: Any, look: Any) -> None:
    looked = look("/console/portfolio")
    page = looked.page
    page.locator("#find").press_sequentially("ringstr vrbo")
    expect(page.locator("#found [role=option]")).to_have_count(2)
    assert page.locator("#find").get_attribute("aria-expanded") == "true"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    chosen = page.locator("#found [aria-selected=true]")
    assert page.locator("#find").get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Ringstraße Rooms, room 2")
    settle(page)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    assert looked.complaints == []


def test_a_chart_is_read_by_keyboard_and_as_a_table(seeded: Any, look: Any) -> None:
    looked = look(f"/console/listing/{seeded.ids[0]}?days=30")
    page = looked.page
    page.locator("#chart-booking_velocity-1").focus()
    page.keyboard.press("End")
    expect(page.locator("#spoken")).to_contain_text("Mon, 2 Mar 2026: observed no figure")
    expect(page.locator("#chart-booking_velocity-1 .tip")).to_contain_text("no figure")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#spoken")).to_contain_text(f"Sun, 1 Mar 2026: observed {seeded.bookings[0, -1]:g}, expected")
    expect(page.locator("#spoken")).to_contain_text("Fewer guests book")
    expect(page.locator("#chart-booking_velocity-1 .tip")).to_contain_text("Sun, 1 Mar 2026")
    page.locator("#card-booking_velocity summary").click()
    expect(page.locator("#card-booking_velocity tbody tr")).to_have_count(30)
    expect(page.locator("#card-booking_velocity tbody tr:has-text('no figure')")).to_have_count(5)
    assert looked.complaints == []


def test_a_chosen_theme_is_kept_and_repaints_the_charts(seeded: Any, look: Any) -> None:
    page = look("/console/portfolio").page
    ink = "() => nightporterCharts.drawn.values().next().value.chart.getOption().xAxis[0].axisLabel.color"
    before = page.evaluate(ink)
    page.locator("#theme").click()
    page.locator("#theme").click()
    expect(page.locator("#theme")).to_have_text("Theme: dark")
    assert page.evaluate(ink) != before
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(13, 18, 25)"


def test_what_others_wrote_is_shown_and_never_run(seeded: Any, look: Any) -> None:
    looked = look(f"/console/listing/{seeded.ids[9]}?days=30")
    ran: list[str] = []
    looked.page.on("dialog", lambda dialog: (ran.append(dialog.message), dialog.dismiss()))
    expect(looked.page.locator("#card-alerts")).to_contain_text("Lower <img src=x onerror=alert(1)>")
    looked.page.locator("#chart-booking_velocity-1").focus()
    looked.page.keyboard.press("End")
    expect(looked.page.locator("#chart-booking_velocity-1 .tip")).to_contain_text("Lower <img src=x onerror=alert(1)>")
    assert (ran, looked.complaints) == ([], [])


def test_a_query_that_fails_costs_one_card_and_is_said_in_words(seeded: Any, look: Any, owner: Connection) -> None:
    owner.execute(text("ALTER TABLE listing_changes RENAME TO listing_changes_away"))
    owner.commit()
    try:
        page = look(f"/console/listing/{seeded.ids[0]}").page
        expect(page.locator(".problem").first).to_contain_text("This could not be read")
        expect(page.locator("td.night")).to_have_count(90)
    finally:
        owner.execute(text("ALTER TABLE listing_changes_away RENAME TO listing_changes"))
        owner.commit()
    page.locator(".problem").last.get_by_text("Try again").click()
    expect(page.locator("#card-changes")).to_contain_text("Min stay nights")


def test_a_worker_that_is_gone_is_said_in_words(worker: Worker, seeded: Any, look: Any) -> None:
    looked = look("/console/portfolio", wait=False, gone="**/console/portfolio/bookings*")
    expect(looked.page.locator("#card-bookings [role=alert]")).to_contain_text("The worker cannot be reached")
