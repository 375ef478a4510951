"""The prop-trading firm: plans, evaluations, funded accounts."""
