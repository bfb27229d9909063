"""Tables: what they hold, what the papers printed, how runs compare, how tables are drawn."""
