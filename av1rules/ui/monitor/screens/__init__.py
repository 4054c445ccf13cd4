"""The screens of the monitor beside its main one: details, clips, questions, keys."""
