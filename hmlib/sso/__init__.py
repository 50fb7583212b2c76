"""Single sign-on: who is calling, the sign-in form, its way through Nexus, and signing out."""
