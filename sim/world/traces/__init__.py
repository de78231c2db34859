"""Reading recorded load: request traces, binned rates and distribution functions, with errors that name the row."""
