"""Tests of what deploys the project: Compose, the image, Helm, the MWAA package, requirements."""
