"""What people see: tables, JSON and pictures."""
