"""Data sets of beats behind one interface: records, CSVs, rebuilt or found."""
