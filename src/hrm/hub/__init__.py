"""Models on the Hugging Face Hub: brought from there, described in a card, and sent there."""
