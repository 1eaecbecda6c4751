"""Airbnb: a partner's REST API by our assumption, and the public iCal feed of a listing.

Documentation: Airbnb's API is open to partners only and its documents are not public; the paths, fields and limits of
every REST operation are our assumption. The iCal feed is what hosts export from a listing's calendar (help pages), its
contents as seen in public issue trackers.
Authentication: OAuth 2.0 authorization code with PKCE; the server rotates the refresh token at each use. A feed needs
the secret in its link and nothing else.
Limits: none is published; ours are settings.
Quirks: money is decimal text; a rating runs from 1 to 5. The feed mixes bookings (`Reserved`) with nights that the
host's own rules close (`Airbnb (Not available)`), tells no price and does not say which listing it is of; an empty
feed is a fault, not a free year.
"""
