"""The report as a page: sections, each a module with its template in `source/report`."""
