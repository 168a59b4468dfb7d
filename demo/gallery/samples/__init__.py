"""The samples of all builders; a new builder needs one line in the file of its kind."""

from __future__ import annotations

from demo.gallery.samples import accounts, cards, forms, news, notices, reports, settings

SAMPLES = (
    *cards.SAMPLES,
    *news.SAMPLES,
    *notices.SAMPLES,
    *forms.SAMPLES,
    *reports.SAMPLES,
    *accounts.SAMPLES,
    *settings.SAMPLES,
)
