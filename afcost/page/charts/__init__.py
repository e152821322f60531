"""Charts: Vega-Lite through altair, drawn to static SVG; needs the extra `page`."""
