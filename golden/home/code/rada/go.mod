module sookurg.test/rada

go 1.22
