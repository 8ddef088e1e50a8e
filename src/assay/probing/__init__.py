"""Probing attention heads of real models: which sets of positions can one query average?"""
