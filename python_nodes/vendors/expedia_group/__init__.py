"""Expedia Group's Lodging Supply APIs, for the channels Expedia and Vrbo (read 2026-11-21).

Documentation: https://developers.expediagroup.com/supply/lodging (GraphQL; its public schema, Apache-2.0, stands in
``sandbox/data/expedia_supply.graphqls``) and, for availability and rates, EQC's Product, Availability and Rates
Retrieval (PARR): https://expediaconnectivity.com/apis/product-management (older copies; said to be retired one day).
Authentication: GraphQL by OAuth2 client credentials, a token of about half an hour, at most 100 requests for one in
five minutes; Vrbo may need a client of its own. PARR by user name and password, in an element and as Basic.
Limits: GraphQL 50 calls a second in all and fewer for some fields, told as 429 without a body or as 200 with the error
RATE_LIMIT_EXCEEDED; no answer within 65 s is a time-out. PARR: one connection per hotel, 31 days an answer.
Quirks: an execution error comes with status 200 and perhaps part of the data; reservations reach back 465 days by
booking date; reviews are told per property, not per unit; ``lastEvaluated`` of a status says when it was looked at,
not when it changed. No API gives performance figures: they come as files through imports.
Assumed, and marked so in ``capabilities.toml``: Vrbo's rates through PARR, and its ``Fees`` element.
"""
