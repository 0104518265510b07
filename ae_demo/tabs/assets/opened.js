trigger("input"); // tabs are put on the page when they are opened for the first time
