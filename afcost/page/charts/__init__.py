"""Charts: Vega-Lite as plain data, drawn to static SVG by vl-convert; needs the extra `page`."""
