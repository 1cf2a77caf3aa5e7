package main

func write(document string, p plan, rows []row) error { return nil }
