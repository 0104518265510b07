trigger("input"); // Gradio puts a tab on the page when it is opened for the first time
