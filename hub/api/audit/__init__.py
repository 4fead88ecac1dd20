"""Who did what, on what, when and from where: written with the deed, changed by nobody, read by administrators."""
