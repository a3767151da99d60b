library(testthat)
library(fatefield)

test_check("fatefield")
