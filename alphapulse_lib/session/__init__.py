"""What `ap.*` does: composes the stages below, and knows who asks and which catalogs they see."""
