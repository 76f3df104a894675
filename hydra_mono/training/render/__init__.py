"""The torch ray caster: simulated worlds as images on CPU and GPU."""
