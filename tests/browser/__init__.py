"""The widgets in a real JupyterLab and a real Chromium, both ended before other tests begin."""
