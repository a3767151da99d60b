# Where networks run: the argument where it is given, else options(fatefield.device = ), else the
# processor. Stops where that cannot be.
device_name <- function(device = NULL) {
  if (is.null(device)) device <- getOption("fatefield.device", "cpu")
  device <- check_choice(device, c("cpu", "cuda"), "device")
  check_device(device)
  device
}
