"""What 1, 100 and 10,000 workspaces cost: a model, a simulation, and measured unit costs."""
