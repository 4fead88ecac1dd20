"""From what a provider hands over to rows in the catalog: judged, set aside or written, and taken back."""
