"""The search for better settings of the train stage, with Optuna: each trial is a training as the stage makes it."""
