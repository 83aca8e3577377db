"""People rate answers: blind items, several raters, one file that nothing is lost from, agreement and results."""
