"""The model workshop: data, architectures, training, evaluation, export."""
