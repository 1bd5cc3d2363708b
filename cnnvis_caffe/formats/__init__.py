"""Readers and writers of the files that Caffe left behind, and the upgrade of old generations."""
