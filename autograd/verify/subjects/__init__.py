"""What is checked: functions of Values, plain functions and those of other frameworks, each from one flat vector to another."""
