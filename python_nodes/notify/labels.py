"""What each fact of an alert's evidence is called: the English of its key, marked for the catalogue."""

from __future__ import annotations

from python_nodes.domain.said import marked, say

LABELS = {
    "assumed_loss_per_point": marked("Assumed loss per point"),
    "assumed_price_elasticity": marked("Assumed price elasticity"),
    "assumed_share_lost": marked("Assumed share lost"), "availability": marked("Availability"),
    "availability_stale": marked("Availability stale"), "change": marked("Change"), "changed": marked("Changed"),
    "channel": marked("Channel"), "channel_detail": marked("Channel detail"), "channel_word": marked("Channel word"),
    "click_through_after": marked("Click through after"), "click_through_before": marked("Click through before"),
    "closed_nights": marked("Closed nights"), "compared_with": marked("Compared with"),
    "comparison": marked("Comparison"), "connection": marked("Connection"), "connection_id": marked("Connection id"),
    "conversion_after": marked("Conversion after"), "conversion_before": marked("Conversion before"),
    "copies": marked("Copies"), "counted_days": marked("Counted days"), "counted_once": marked("Counted once"),
    "differs_in": marked("Differs in"), "dispersion": marked("Dispersion"), "doubled_days": marked("Doubled days"),
    "ends": marked("Ends"),
    "expected": marked("Expected"), "expected_in_window": marked("Expected in window"),
    "explains": marked("Explains"), "failing_since": marked("Failing since"), "failures": marked("Failures"),
    "fallen_share": marked("Fallen share"), "fee_share_of_stay": marked("Fee share of stay"), "fees": marked("Fees"),
    "figure": marked("Figure"), "first_night": marked("First night"), "floor_price": marked("Floor price"),
    "last_at_former_score": marked("Last at former score"), "last_night": marked("Last night"),
    "last_open_night": marked("Last open night"), "last_performance": marked("Last performance"),
    "last_poll": marked("Last poll"), "last_seen": marked("Last seen"), "last_success": marked("Last success"),
    "last_told": marked("Last told"), "left": marked("Left"), "listings": marked("Listings"),
    "log_statistic": marked("Log statistic"), "log_threshold": marked("Log threshold"),
    "loss_is_assumed": marked("Loss is assumed"), "loss_is_unknown": marked("Loss is unknown"),
    "market_move": marked("Market move"), "min_stay": marked("Min stay"),
    "min_stay_nights": marked("Min stay nights"), "missing": marked("Missing"), "nights": marked("Nights"),
    "nights_count": marked("Nights count"), "observed": marked("Observed"),
    "observed_in_window": marked("Observed in window"), "offered_though_booked": marked("Offered though booked"),
    "open_nights": marked("Open nights"), "operation": marked("Operation"), "operations": marked("Operations"),
    "operator_open_nights": marked("Operator open nights"), "performance_stale": marked("Performance stale"),
    "points": marked("Points"), "price": marked("Price"), "price_apart": marked("Price apart"),
    "price_tolerance": marked("Price tolerance"), "prices": marked("Prices"),
    "ratio_to_peers": marked("Ratio to peers"), "reason": marked("Reason"), "refused": marked("Refused"),
    "review_count": marked("Review count"),
    "run_days": marked("Run days"), "same_figures_each_day": marked("Same figures each day"),
    "share_lost": marked("Share lost"), "share_lost_so_far": marked("Share lost so far"),
    "shown_currency": marked("Shown currency"), "silent_days": marked("Silent days"), "status": marked("Status"),
    "stay_nights": marked("Stay nights"), "too_high_nights": marked("Too high nights"),
    "too_low_nights": marked("Too low nights"), "total_per_night": marked("Total per night"),
    "under_floor_nights": marked("Under floor nights"), "unknown_nights": marked("Unknown nights"),
    "usual_fees": marked("Usual fees"), "usual_min_stay_nights": marked("Usual min stay nights"),
    "usual_price": marked("Usual price"), "usual_total_per_night": marked("Usual total per night"),
    "window_days": marked("Window days"), "worth_of_usual": marked("Worth of usual"), "z_value": marked("Z value"),
    "also_missed": marked("Also missed"),
    "at_stake": marked("At stake"),
    "between": marked("Between"),
    "between_nights": marked("Between nights"),
    "booked_nights": marked("Booked nights"),
    "demand_rise_share": marked("Demand rise share"),
    "gain_per_day": marked("Gain per day"),
    "last_year": marked("Last year"),
    "month": marked("Month"),
    "nights_ahead": marked("Nights ahead"),
    "on_the_books": marked("On the books"),
    "peers_price": marked("Peers price"),
    "price_currency": marked("Price currency"),
    "probability": marked("Probability"),
    "target": marked("Target"),
    "usual_nights": marked("Usual nights"),
    "will_bring": marked("Will bring"),
    "will_sell_nights": marked("Will sell nights"),
    "with_its_market": marked("With its market"),
}  # fmt: skip
"""By key without the suffix of its unit; a key that is not here is told in the English of its own letters."""


def label(name: str) -> str:
    """Call a fact by its name."""
    plain = name.removesuffix("_minor").removesuffix("_date").removesuffix("_at")
    return say(LABELS.get(plain) or plain.replace("_", " ").capitalize())
