"""ECG and EEG devices: recordings, windows, scoring."""
