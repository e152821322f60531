"""Records: what is known of each model at each of its providers."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from pricing.catalog import canonical_id, list_aliases, provider_ids
from providers.capabilities import find_capability, load_ways
from providers.registry import builtin_providers
