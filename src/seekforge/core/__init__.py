"""The ground floor: what every stage shares and nothing that a stage does."""
