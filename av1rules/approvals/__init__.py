"""Decisions on test clips: approvals.yaml."""
