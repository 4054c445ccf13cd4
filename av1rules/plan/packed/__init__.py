"""The items of a plan in their packed form, as the plan cache keeps them until the next plan."""
