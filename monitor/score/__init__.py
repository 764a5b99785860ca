"""EC57: beat by beat, run by run and episode by episode, with gross, average and interval.

Pure: annotations in, counts and figures out. It counts as the reference programs of the standard do
(``bxb``, ``rxr``, ``epicmp`` and ``sumstats`` of the WFDB software package 10.7.0); a test holds it to
everything that they print for two annotators over 48 records.
"""
