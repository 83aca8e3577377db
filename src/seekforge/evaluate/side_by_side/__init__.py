"""Two models or more on the same test: their answers, figures, differences, cost and speed, on one page to send on."""
