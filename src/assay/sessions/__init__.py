"""What the commands do, also from Python: functions with the names of the commands, whose results are dataclasses."""
