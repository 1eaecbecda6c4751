"""Our own words as people read them: causes, categories, metrics, values of evidence; each stands in the catalogue."""

from __future__ import annotations

from python_nodes.domain.findings import OF_OUR_SIGHT
from python_nodes.domain.said import marked, say

CAUSES = {
    "calendar_empty": marked("No open nights are loaded for the coming months"),
    "fee_missing": marked("A fee that stood on the listing is gone"),
    "min_stay_raised": marked("The minimum stay went up"),
    "currency_switched": marked("Prices are shown in another currency"),
    "review_drop": marked("The review score fell"),
    "amenity_missing": marked("An amenity that stood on the listing is gone"),
    "rate_plan_gap": marked("A rate plan that was sold is gone"),
    "feed_duplicate": marked("The channel tells figures more than once"),
    "poll_failing": marked("The channel cannot be polled"),
    "access_ending": marked("The channel lets us in no longer, or not for long"),
    "market_demand": marked("Fewer people look for this market: nobody's fault"),
    "market_shift": marked("Guests of the whole market choose differently"),
    "channel_fault": marked("Something is wrong on the whole channel, not on this listing"),
    "calendar_closed": marked("The calendar is closed on the channel while the operator's own calendar is open"),
    "rate_missing": marked("Open nights show no price"),
    "price_error": marked("The price is outside its floor, or far from its trailing median"),
    "listing_down": marked("The channel has suspended the listing"),
    "feed_stale": marked("The channel's figures have stopped coming"),
    "pace_behind": marked("Fewer book the coming weeks than their time of year and the market let expect"),
    "priced_low": marked("Comparable places ask for more while more people look for this one"),
    "metric_missing": marked("One figure of the listing stopped coming while its others come"),
    "metric_flat": marked("One figure of the listing stands still while its others move"),
    "parity": marked("The same unit is sold on other terms elsewhere"),
    "conversion_drop": marked("People see the listing but fewer of them book"),
    "ctr_drop": marked("The listing is shown but fewer people open it"),
    "rank_drop": marked("The listing stands further down in the search results"),
    "competitor_undercut": marked("Comparable places have become cheaper"),
    "slow_decline": marked("The listing has been losing ground for weeks, a little every day"),
    "unknown": marked("Not known yet"),
}
CATEGORIES = {
    "critical": marked("critical"),
    "high": marked("high"),
    "medium": marked("medium"),
    "low": marked("low"),
}
STATES = {"raised": marked("raised"), "updated": marked("updated"), "resolved": marked("resolved")}
METRICS = {
    "search_impressions": marked("search impressions"),
    "listing_views": marked("listing views"),
    "click_through_rate": marked("click through rate"),
    "conversion_rate": marked("conversion rate"),
    "booking_velocity": marked("booking velocity"),
    "search_rank": marked("search rank"),
    "competitor_price": marked("competitor price"),
    "review_score": marked("review score"),
    "availability": marked("availability"),
    "listed_price": marked("listed price"),
    "occupancy": marked("occupancy"),
    "adr": marked("ADR"),
    "revpar": marked("RevPAR"),
    "pickup_nights": marked("pickup nights"),
    "lead_time_days": marked("lead time days"),
    "los_nights": marked("LOS nights"),
}
KINDS = {
    "not_bookable": marked("a closed calendar"),
    "no_price": marked("a missing price"),
    "price_out_of_range": marked("a price out of range"),
    "total_out_of_range": marked("a total out of range"),
    "suspended": marked("a suspended listing"),
    "feed_stale": marked("a silent feed"),
    "feed_duplicate": marked("a doubled feed"),
    "metric_missing": marked("a missing figure"),
    "metric_flat": marked("a figure that stands still"),
    "fee_missing": marked("a missing fee"),
    "min_stay_raised": marked("a raised minimum stay"),
    "currency_switched": marked("a switched currency"),
    "parity": marked("a difference between channels"),
    "review_drop": marked("a fallen review score"),
    "amenity_missing": marked("a missing amenity"),
    "rate_plan_gap": marked("a missing rate plan"),
    "calendar_empty": marked("an empty calendar"),
    "poll_failing": marked("a connection that fails"),
    "access_ending": marked("an access that ends"),
    "demand_drop": marked("fewer bookings"),
    "rank_drop": marked("a worse place in the search results"),
    "conversion_drop": marked("fewer guests who book"),
    "ctr_drop": marked("fewer guests who open the listing"),
    "competitor_undercut": marked("cheaper competitors"),
    "slow_decline": marked("a slow decline"),
    "market_demand_drop": marked("less demand in the market"),
    "market_ctr_drop": marked("fewer guests who open listings in the market"),
    "market_conversion_drop": marked("fewer guests who book in the market"),
    "channel_ctr_drop": marked("fewer guests who open listings on the channel"),
    "channel_conversion_drop": marked("fewer guests who book on the channel"),
    "month_missed": marked("a month that will be missed"),
    "calendar_running_empty": marked("weeks that stay unsold"),
    "price_below_peers": marked("a price under its peers'"),
}
VALUES = {
    OF_OUR_SIGHT: marked("a data problem: what we hear is wrong, not what is sold"),
    "no exchange rate": marked("no exchange rate"),
    "refused and kept in quarantine; the last good ones stand": marked(
        "refused and kept in quarantine; the last good ones stand"
    ),
    "closed": marked("closed"),
    "suspended": marked("suspended"),
    "bookable": marked("bookable"),
    "availability": marked("availability"),
    "price": marked("price"),
    "min_stay": marked("minimum stay"),
    "ari": marked("availability and rates"),
    "reservations": marked("reservations"),
    "reservation_history": marked("past reservations"),
    "performance": marked("performance"),
    "health": marked("health"),
    "reviews": marked("reviews"),
    "content": marked("content"),
    "ical_calendar": marked("iCal calendar"),
    "operator_calendar": marked("operator's calendar"),
    **{name.replace("_", " "): word for name, word in METRICS.items()},
}
"""What evidence may say in a word of ours; what is not here is somebody's name or text and stays as it is."""
CHANNELS = {"booking_com": "Booking.com", "expedia": "Expedia", "vrbo": "Vrbo", "airbnb": "Airbnb"}


def cause(word: str) -> str:
    """Spell out one of the glossary's cause words."""
    return say(CAUSES.get(word, word.replace("_", " ").capitalize()))


def category(word: str) -> str:
    """Name a category."""
    return say(CATEGORIES.get(word, word))


def state(word: str) -> str:
    """Name what a message tells of an alert."""
    return say(STATES.get(word, word))


def metric(word: str) -> str:
    """Name a metric within a sentence."""
    return say(METRICS.get(word, word.replace("_", " ")))


def kind(word: str) -> str:
    """Name within a sentence what a guard or watch found."""
    return say(KINDS.get(word, word.replace("_", " ")))


def digest(span: str) -> str:
    """Name a summary by what it is of; a notice is of one thing."""
    if span == "notice":
        return say("notice")
    return say("weekly digest") if span == "week" else say("daily digest")


def heading(is_digest: bool) -> str:
    """Name the list of lines below a message's fields."""
    return say("Alerts") if is_digest else say("Evidence")


def value(word: str) -> str:
    """Put one of our own words; a name stays as it is."""
    return CHANNELS.get(word) or (say(VALUES[word]) if word in VALUES else word)
