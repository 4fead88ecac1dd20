"""Who sees what is somebody's: their teams, and those whom they let see one thing of theirs until they take it back."""
