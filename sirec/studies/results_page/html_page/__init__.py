"""`report.html`: the results of a folder as one page that needs nothing but itself."""
